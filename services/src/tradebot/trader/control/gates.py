"""Whether the trader may trade: its conditions, each with its reason."""

from collections.abc import Callable
from typing import Final

from tradebot.domain.situation import DAY_MS, Holdings
from tradebot.platform.clock import VenueClock
from tradebot.platform.health import Readiness
from tradebot.trader import metrics
from tradebot.trader.control.report import Condition, ConditionType
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.inputs.parity import Parity
from tradebot.trader.inputs.proposals import Proposals
from tradebot.trader.lease import Lease
from tradebot.trader.settings import WINDOW_MS, TraderSettings, rules

SELLS: Final[dict[Holdings, str]] = {
    "Own": "what the bot's own orders bought",
    "All": "the account's whole balance of base currency, whoever bought it",
}
"""What a sell sells; `tradebot status` gives the amount, which changes with each fill."""


class Gates:
    """Reads the conditions off the parts that know them."""

    def __init__(
        self,
        settings: TraderSettings,
        engine: Engine,
        clock: VenueClock,
        forecasts: Forecasts,
        lease: Lease,
        proposals: Proposals | None = None,
        parity: Parity | None = None,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._clock = clock
        self._forecasts = forecasts
        self._proposals = proposals or Proposals.none()
        self._parity = parity or Parity(settings.bot)
        self._lease = lease
        self._since = 0
        """The venue's time when this trader first knew it."""

    def conditions(self) -> list[Condition]:
        """All as they are now."""
        found = [
            self.journal_down() or self.reconciled(),
            self.feed_fresh(),
            self.windows_fresh(),
            self.signal_fresh(),
            self.halted(),
            self.outside_trades(),
            *self.parity_holds(),
        ]
        for condition in found:
            gauge = metrics.CONDITION.labels(self._settings.bot, condition.type)
            gauge.set(int(condition.status))
        return found

    def reconciled(self) -> Condition:
        """Whether the ledger agrees with the venue and the lease is held."""
        if not self._lease.held():
            message = "another trader may hold the bot's lease"
            return _condition("Reconciled", False, "LeaseLost", message)
        doubt = self._engine.doubt
        if doubt:
            return _condition("Reconciled", False, "NotReconciled", doubt)
        message = (
            f"the account agrees with the venue; a sell sells {SELLS[self._settings.holdings]}"
        )
        return _condition("Reconciled", True, "Reconciled", message)

    def journal_down(self) -> Condition | None:
        """What is wrong with the journal; the account may still be reconciled, and exits go on."""
        down = self._engine.journaled.down
        if not down:
            return None
        message = f"{down}; nothing is bought, and exits and sales go on"
        return _condition("Reconciled", False, "JournalDown", message)

    def feed_fresh(self) -> Condition:
        """Whether the venue's feed was heard of lately, in real seconds."""
        silence, limit = self._clock.silence(), self._settings.max_silence_seconds
        if self._clock.now() == 0:
            message = "nothing has arrived from the venue's feed yet"
            return _condition("FeedFresh", False, "NoFeed", message)
        if silence > limit:
            message = f"the venue's feed has been silent for more than {limit:g} s"
            return _condition("FeedFresh", False, "FeedSilent", message)
        return _condition("FeedFresh", True, "FeedFresh", "the venue's feed is up to date")

    def windows_fresh(self) -> Condition:
        """Whether windows come: the newest that was decided on is younger than three minutes and
        the lag that is allowed. A trader that has just started gets as long."""
        now = self._clock.now()
        if now == 0:
            message = "no window can be judged: nothing has come from the venue's feed yet"
            return _condition("WindowsFresh", False, "NoFeed", message)
        self._since = self._since or now
        newest = self._engine.newest_window()
        limit = 2 * WINDOW_MS + rules(self._settings).max_window_age_ms
        if now - max(newest, self._since) > limit:
            seen = f"for {(now - newest) / 60_000:.0f} min" if newest else "since this bot began"
            message = f"no window has come {seen}: is liquidity running, and the feed complete?"
            return _condition("WindowsFresh", False, "WindowsSilent", message)
        return _condition("WindowsFresh", True, "WindowsFresh", "windows come")

    def signal_fresh(self) -> Condition:
        """Whether what the bot follows is fresh: a model's forecasts, or a strategy's proposals."""
        return self.proposals_fresh() if self._settings.proposer else self.model_fresh()

    def proposals_fresh(self) -> Condition:
        """Whether the strategy's newest proposal is of its newest bar, and not of a failure."""
        proposer, newest = self._settings.proposer, self._proposals.newest
        if newest is None:
            message = f"no proposal of {proposer} has come yet: is its strategy stage running?"
            return _condition("ModelFresh", False, "NoProposal", message)
        if newest.failing:
            message = f"{newest.strategy} failed: {newest.failing}"
            return _condition("ModelFresh", False, "StrategyFailing", message)
        age = self._clock.now() - newest.bar_end
        if age > newest.step_ms + rules(self._settings).max_window_age_ms:
            message = f"the newest proposal of {proposer} is {age / 60_000:.0f} min old"
            return _condition("ModelFresh", False, "ProposalStale", message)
        message = f"{newest.strategy} proposes at each bar"
        return _condition("ModelFresh", True, "ModelFresh", message)

    def model_fresh(self) -> Condition:
        """Whether the forecast's model has seen recent prices."""
        history_end, now = self._forecasts.history_end(), self._clock.now()
        if history_end is None:
            return _condition("ModelFresh", False, "NoForecast", self._forecasts.absence())
        limit = self._settings.max_model_age_seconds
        if now and history_end - now > limit * 1000:
            message = f"the model's last minute is more than {limit} s in the future"
            return _condition("ModelFresh", False, "ModelAhead", message)
        if now - history_end > limit * 1000:
            message = f"the model's last minute is more than {limit} s old"
            return _condition("ModelFresh", False, "ModelStale", message)
        return _condition("ModelFresh", True, "ModelFresh", "the model's data is up to date")

    def halted(self) -> Condition:
        """Whether the bot is halted or paused."""
        state = self._engine.state()
        if state.halted:
            return _condition("Halted", True, "LimitReached", state.halted)
        if self._settings.mode == "Paused":
            return _condition("Halted", True, "ModePaused", state.paused)
        if state.paused:
            return _condition("Halted", True, "Paused", state.paused)
        return _condition("Halted", False, "Running", "neither halted nor paused")

    def outside_trades(self) -> Condition:
        """Whether others traded on the bot's account in the last day of exchange time.

        It closes no gate: the bot's own position is still its own.
        """
        last = self._engine.journaled.ledger.outside_traded
        if last and self._clock.now() - last < DAY_MS:
            message = (
                "the account had trades in the last 24 hours that match none of the bot's orders;"
                " give the bot its own account and key"
            )
            return _condition("OutsideTrades", True, "TradedByOthers", message)
        message = "all trades of the last 24 hours are the bot's own"
        return _condition("OutsideTrades", False, "OnlyOwnTrades", message)

    def parity_holds(self) -> list[Condition]:
        """Whether the nightly check decided every recorded window as the bot did; nothing before
        the first check. It closes no gate: a person judges the difference.
        """
        found = self._parity.newest
        if found is None:
            return []
        if not found.decisions:
            return [_condition("ParityHolds", False, "NotChecked", found.first)]
        if found.different:
            message = f"{found.different:,} of {found.decisions:,} decisions differ; {found.first}"
            return [_condition("ParityHolds", False, "DecisionsDiffer", message)]
        message = f"{found.decisions:,} recorded decisions were decided again, all the same"
        return [_condition("ParityHolds", True, "DecisionsSame", message)]

    def watch(self, readiness: Readiness) -> None:
        """The stage is ready while the conditions are good; stale means unready, never an end."""
        readiness.check(
            "Reconciled", _bad_when(False, lambda: self.journal_down() or self.reconciled())
        )
        readiness.check("FeedFresh", _bad_when(False, self.feed_fresh))
        readiness.check("WindowsFresh", _bad_when(False, self.windows_fresh))
        readiness.check("ModelFresh", _bad_when(False, self.signal_fresh))
        if self._settings.mode != "Paused":  # which is what was asked for
            readiness.check("Halted", _bad_when(True, self.halted))

    def well(self) -> bool:
        """Reconciled, fresh and holding the lease: the venue may be told that all is well."""
        return self.reconciled().status and self.feed_fresh().status


def _condition(kind: ConditionType, status: bool, reason: str, message: str) -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message)


def _bad_when(bad: bool, read: Callable[[], Condition]) -> Callable[[], str | None]:
    def check() -> str | None:
        condition = read()
        return condition.message if condition.status is bad else None

    return check
