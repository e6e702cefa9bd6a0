"""Prints the records of a topic as they come. Run several at once:

    python consumer.py --kafka localhost:9092 --group shared &
    python consumer.py --kafka localhost:9092 --group shared

Consumers of one group share the partitions. Consumers of different groups each get all records.
"""

import argparse
import json

from confluent_kafka import Consumer


def main() -> None:
    """Prints `--records` records, or all until it is interrupted."""
    flags = argparse.ArgumentParser(description="Prints the records of a topic as they come.")
    flags.add_argument("--kafka", default="localhost:9092", help="address of the broker")
    flags.add_argument("--topic", default="example", help="topic to read")
    flags.add_argument("--group", default="example", help="group that shares the partitions")
    flags.add_argument("--name", default="consumer", help="name to print before each record")
    flags.add_argument("--records", type=int, default=0, help="number of records; 0 for no end")
    given = flags.parse_args()
    consumer = Consumer(
        {
            "bootstrap.servers": given.kafka,
            "group.id": given.group,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": True,
        }
    )
    consumer.subscribe([given.topic])
    read = 0
    try:
        while not given.records or read < given.records:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            read += 1
            record = json.loads(message.value())
            place = f"partition {message.partition()} offset {message.offset()}"
            print(f"{given.name}: {record['producer']}{record['number']} ({place})", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
