#!/bin/bash
# When an input has arrived, and how many microseconds its bytes take by each way; beside these, cp.

microseconds() {
  echo "${EPOCHREALTIME/[.,]/}"
}

timed() {
  local begin
  begin=$(microseconds)
  "$@" > /dev/null
  echo $(($(microseconds) - begin))
}

main() {
  inputs=$(timed dx-download-all-inputs)
  dx-jobutil-add-output arrived "$(microseconds)" --class int
  dx-jobutil-add-output inputs "$inputs" --class int

  first=$(timed cp --reflink=never "$reads_path" copy)
  download=$(timed dx download "$reads" --no-progress -o downloaded)
  cmp downloaded copy
  rm copy
  upload=$(timed dx upload downloaded --no-progress --brief)
  second=$(timed cp --reflink=never "$reads_path" copy)
  dx-jobutil-add-output download "$download" --class int
  dx-jobutil-add-output upload "$upload" --class int
  dx-jobutil-add-output copy $(((first + second) / 2)) --class int
}
