#!/bin/bash
# N jobs that each return an int by one call of dx-jobutil-add-output. Python starts them all, in one process.

main() {
  python3 - "$n" <<'PYTHON'
import sys
import dxpy

for index in range(int(sys.argv[1])):
    dxpy.new_dxjob({"index": index}, "process")
PYTHON
  dx-jobutil-add-output total 0 --class=int
}

process() {
  dx-jobutil-add-output value "$index" --class=int
}
