#!/bin/bash
# Scatter and gather: main starts one subjob per chromosome, and one that waits for all of them.

set -x -e -o pipefail

main() {
    echo "Value of reads: '$reads' ($reads_name)"
    dx tag "$DX_JOB_ID" scattered

    dx cat "$reads" | zcat -f | awk -F '\t' '/^@SQ/ { for (i = 2; i <= NF; i++) if (sub(/^SN:/, "", $i)) print $i }' > chromosomes.txt

    gather_args=()
    for chromosome in $(cat chromosomes.txt); do
        job=$(dx-jobutil-new-job -ireads="$reads" -ichromosome:string="$chromosome" -imin_quality="$min_quality" \
            --instance-type mem1_ssd1_v2_x2 --name "count $chromosome" --tag counting count)
        gather_args+=(-icounts:array:file="$job:counts")
    done
    gather_job=$(dx-jobutil-new-job gather "${gather_args[@]}" -iname="$reads_prefix")

    dx-jobutil-add-output table "$gather_job:table" --class=jobref
    dx-jobutil-add-output total "$gather_job:total" --class=jobref
}

count() {
    dx download "$reads" -o reads.sam --no-progress
    zcat -f reads.sam | awk -F '\t' -v chromosome="$chromosome" -v least="$min_quality" '
        !/^@/ && $3 == chromosome && int($2 / 4) % 2 == 0 && $5 >= least { n++ }
        END { print chromosome "\t" n + 0 }' > "$chromosome.tsv"

    counts_id=$(dx upload "$chromosome.tsv" --brief)
    dx-jobutil-add-output counts "$counts_id" --class=file
}

gather() {
    dx-download-all-inputs --parallel
    printf 'chromosome\treads\n' > "$name.tsv"
    cat "${counts_path[@]}" >> "$name.tsv"

    table=$(dx upload "$name.tsv" --brief --property "chromosomes=${#counts[@]}" --details '{"counted": "mapped reads"}')
    dx-jobutil-add-output table "$table" --class=file
    dx-jobutil-add-output total "$(awk 'NR > 1 { n += $2 } END { print n + 0 }' "$name.tsv")"
}
