"""The parts of a whole service on one machine, as processes of one command.

parts      Redis, upstream, worker, Flower and gateway: started if needed, stopped in reverse order
serving    watches them while they are up, and says how to call the gateway
children   a child process, with its output and its end
guard      ends the children of a command that was killed
guarding   the guard's process
measuring  metrics of the parts, and Prometheus
ports      free ports, and whether somebody listens
signals    SIGTERM and SIGHUP end a command like Ctrl-C
"""
