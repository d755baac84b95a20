"""What the gateway adds to a rerank call: latency, throughput and CPU, beside the direct call.

calling    makes the calls, and times them
stack      Redis, worker and gateway on one core; the upstream and this program on another
__main__   the command line
"""
