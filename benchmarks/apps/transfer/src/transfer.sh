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

# Each way is given the memory that the one before has just given back: a virtual machine may be slow to get more.
main() {
  inputs=$(timed dx-download-all-inputs)
  dx-jobutil-add-output arrived "$(microseconds)" --class int
  dx-jobutil-add-output inputs "$inputs" --class int

  cp "$reads_path" warm
  rm warm
  first=$(timed cp "$reads_path" copy)
  rm copy
  download=$(timed dx download "$reads" --no-progress -o downloaded)
  cmp downloaded "$reads_path"
  rm downloaded
  second=$(timed cp "$reads_path" copy)
  rm copy
  upload=$(timed dx upload "$reads_path" --no-progress --brief)
  dx-jobutil-add-output download "$download" --class int
  dx-jobutil-add-output upload "$upload" --class int
  dx-jobutil-add-output copy $(((first + second) / 2)) --class int
}
