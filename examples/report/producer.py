"""Writes numbered price changes to a topic. Run several at once:

python producer.py --kafka localhost:9092 --name A &
python producer.py --kafka localhost:9092 --name B
"""

import argparse
import json
import time

from confluent_kafka import Producer


def main() -> None:
    """Sends each record at once, so that records of several producers interleave."""
    flags = argparse.ArgumentParser(description="Writes numbered price changes to a topic.")
    flags.add_argument("--kafka", default="localhost:9092", help="address of the broker")
    flags.add_argument("--topic", default="example", help="topic to write to")
    flags.add_argument("--name", default="A", help="name of this producer, in each record")
    flags.add_argument("--records", type=int, default=10, help="number of records")
    flags.add_argument("--pause", type=float, default=0.5, help="seconds between two records")
    given = flags.parse_args()
    producer = Producer({"bootstrap.servers": given.kafka})
    for number in range(given.records):
        change = {"side": "bid", "price": f"{11400 + number}", "remaining": "1"}
        record = {"producer": given.name, "number": number} | change
        producer.produce(given.topic, json.dumps(record), key=given.name)
        producer.flush()
        print(f"{given.name} wrote {number}", flush=True)
        time.sleep(given.pause)


if __name__ == "__main__":
    main()
