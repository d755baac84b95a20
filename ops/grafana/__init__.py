"""Dashboards for Grafana, as code: `PYTHONPATH=ops python -m grafana` writes their JSON.

panels    panels and dashboards as all of these have them
overview  lanes, jobs and workers
upstream  accounts, calls, limits and breakers
workers   each worker process
gateway   requests
redis     memory and persistence

The JSON is built by Grafana's own library, so its form is checked by types and follows Grafana.
"""
