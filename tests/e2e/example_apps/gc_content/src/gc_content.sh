#!/bin/bash
# Works as the root of its worker: installs a setting, unpacks below /data, and runs what resources/ brought.

main() {
    set -x -e -o pipefail

    if [ -n "$bin_width" ]; then
        echo "BIN_WIDTH=$bin_width" | sudo tee /etc/gc_content/user.conf
    fi
    sudo chmod 777 /usr/share/gc_content
    sudo mkdir -p /data/fastq

    mark-section "download inputs"
    mkdir -p /home/dnanexus/in
    dx download "$reads" -o "/home/dnanexus/in/$reads_name"
    case "$reads_name" in
        *.tar.gz) cd /data/fastq && sudo mv "/home/dnanexus/in/$reads_name" . && sudo dx-unpack "$reads_name" ;;
        *) sudo cp "/home/dnanexus/in/$reads_name" /data/fastq/ ;;
    esac

    mark-section "count"
    mkdir -p /tmp/tables
    find /data/fastq -name '*.fastq' -print0 | sort -z \
        | xargs -0 -n 1 -P "$(nproc)" bash -c 'gc_content "$0" > "/tmp/tables/$(basename "$0" .fastq).tsv"'

    cd /home/dnanexus
    mkdir -p out/tables
    tar -czf "out/tables/$reads_prefix.gc.tar.gz" -C /tmp tables
    read -r n_reads mean_gc < <(cat /data/fastq/*.fastq | /usr/local/bin/gc_mean)
    dx-jobutil-add-output n_reads "$n_reads" --class=int
    dx-jobutil-add-output mean_gc "$mean_gc" --class=float
    dx-upload-all-outputs --parallel
    mark-success
}
