#!/bin/bash
# samtools sort, index and flagstat, with as many threads as the worker has cores.

set -x -e -o pipefail

main() {
    mark-section "downloading the mappings"
    dx-download-all-inputs --parallel

    mark-section "sorting"
    threads=$(nproc)
    memory=$(awk -v threads="$threads" '/^MemTotal/ { m = int($2 / 1024 * 0.2 / threads); print (m > 512 ? 512 : m) "M" }' /proc/meminfo)
    mkdir -p ~/out/sorted_bam ~/out/sorted_bai ~/out/flagstat
    bam=$HOME/out/sorted_bam/${mappings_prefix}.bam
    # shellcheck disable=SC2086  # the options are words
    samtools sort -@ "$threads" -m "$memory" $advanced_options -T /tmp/sort -o "$bam" "$HOME/in/mappings/$mappings_name"

    mark-section "indexing and counting"
    samtools index -@ "$threads" "$bam" &
    samtools flagstat "$bam" > ~/out/flagstat/"${mappings_prefix}.flagstat.txt" &
    wait -n
    wait
    mv "$bam.bai" ~/out/sorted_bai/
    cat ~/out/flagstat/*.flagstat.txt

    mark-section "uploading the results"
    dx-jobutil-add-output mapped_reads "$(samtools view -c -F 4 "$bam")" --class=int
    dx-upload-all-outputs --parallel
    mark-success
}
