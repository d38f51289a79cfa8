#!/bin/bash
# N jobs that each return an int by one call of dx-jobutil-add-output, started one by one as bash apps do.

main() {
  for ((index = 0; index < n; index++)); do
    dx-jobutil-new-job process -iindex:int=$index > /dev/null
  done
  dx-jobutil-add-output total 0 --class=int
}

process() {
  dx-jobutil-add-output value "$index" --class=int
}
