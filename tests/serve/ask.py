# SPDX-License-Identifier: GPL-2.0-or-later
# ask.py SOCKET REQUEST - the answer to a request of frontend/control.h; the exit status is 1 for a refusal.
import socket
import sys

s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b'\n')
answer = s.makefile('rb')
error, size = answer.readline().split()
print(answer.read(int(size)).decode())
sys.exit(int(error) != 0)
