#!/bin/bash
# N calls of one command of dx, on a file of 1 kB, or N subjobs that do nothing.

main() {
  head -c 1000 /dev/urandom > small
  file=$(dx upload small --brief --wait)
  case "$call" in
    upload) command=(dx upload small --brief) ;;
    download) command=(dx download "$file" -f -o downloaded) ;;
    describe) command=(dx describe "$file" --name) ;;
    new_job) command=(dx-jobutil-new-job process) ;;
  esac
  for ((i = 0; i < n; i++)); do
    "${command[@]}" > printed
  done
  if [ "$call" = download ]; then
    cmp small downloaded
  fi
  dx-jobutil-add-output printed "$(tail -n 1 printed)" --class string
}

process() {
  :
}
