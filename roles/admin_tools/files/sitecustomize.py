"""Lets whoever asks the cluster's API notice that the host which had its address is gone.

Python imports this by itself before a program that is pointed at the folder. The client library waits for an answer
as long as its connection stands, and a connection to an address that has moved stands for ever: nobody is left who
could close it. Asked whether it still knows the connection, the new holder of the address says no.
"""

import socket

from urllib3.connection import HTTPConnection

_IDLE_SECONDS, _BETWEEN_SECONDS, _UNANSWERED = 10, 5, 3

# The list itself: connections were told of it when their class was made.
HTTPConnection.default_socket_options.extend(
    (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_SECONDS),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _BETWEEN_SECONDS),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _UNANSWERED),
    )
)
