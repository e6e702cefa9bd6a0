"""Sends one record through the brokers, with the chart's own settings, and reads it back."""

import sys
import time
import uuid

from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings, load
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, decode, encode

settings = load(StageSettings)
topic = Topics.of(settings).dead_letters
kafka.ensure_topics(settings, [topic])
mark = f"helm-test-{uuid.uuid4().hex}"

consumer = kafka.consumer(settings, f"{settings.topic_prefix}recorder-helm-test")
consumer.subscribe([topic])
consumer.poll(5)
producer = kafka.producer(settings)
letter = DeadLetter(topic=topic, partition=0, offset=0, stage="helm test", error="", value=mark)
producer.produce(topic, encode(letter), key=mark.encode())
if producer.flush(20):
    sys.exit(f"{settings.kafka} did not take a record for {topic} in 20 s")

end = time.monotonic() + 40
while time.monotonic() < end:
    message = consumer.poll(1)
    if message is not None and not message.error() and message.key() == mark.encode():
        assert decode(message.value() or b"", DeadLetter).value == mark
        print(f"a record flowed through {topic} at {settings.kafka}")
        sys.exit(0)
sys.exit(f"the record did not come back from {topic} at {settings.kafka} in 40 s")
