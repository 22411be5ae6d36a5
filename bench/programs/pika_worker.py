"""
A worker on pika's blocking connection, as workers of re-core are written: python3 pika_worker.py URL QUEUE PREFETCH

Two replies for each job, not confirmed, then the acknowledgement.
"""
import json
import signal
import sys

import pika

url, queue, prefetch = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.basic_qos(prefetch_count=int(prefetch))


def reply(properties, body):
    channel.basic_publish(
        exchange='',
        routing_key=properties.reply_to,
        properties=pika.BasicProperties(
            app_id='noop',
            correlation_id=properties.correlation_id,
            reply_to='log',
            content_type='application/json',
            delivery_mode=2,
        ),
        body=json.dumps(body),
    )


def work(_channel, method, properties, body):
    json.loads(body)
    reply(properties, {'status': 'started'})
    reply(properties, {'status': 'completed'})
    channel.basic_ack(method.delivery_tag)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
channel.basic_consume(queue, work)
channel.start_consuming()
