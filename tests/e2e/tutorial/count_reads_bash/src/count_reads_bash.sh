#!/bin/bash
# Count reads that are all A's: references carry the parts to postprocess, and the total out of main.

main() {
    num_rows=$(($(dx cat "$reads" | wc -l) / 4))

    postprocess_args=()
    for ((i = 0; i < num_subjobs; i++)); do
        process_job=$(dx-jobutil-new-job process \
            -ireads:file="$reads" \
            -istart_row:int=$((i * num_rows / num_subjobs)) \
            -iend_row:int=$(((i + 1) * num_rows / num_subjobs)))
        postprocess_args+=(-ipartial_counts:array:int="$process_job":partial_count)
    done

    postprocess_job=$(dx-jobutil-new-job postprocess "${postprocess_args[@]}")
    dx-jobutil-add-output count "$postprocess_job":count --class=jobref
}

process() {
    partial_count=$(dx cat "$reads" |
        awk -v from="$start_row" -v to="$end_row" \
            'NR % 4 == 2 && NR > from * 4 && NR <= to * 4 && /^A+$/ { n++ } END { print n + 0 }')
    dx-jobutil-add-output partial_count "$partial_count" --class=int
}

postprocess() {
    count=0
    for partial_count in "${partial_counts[@]}"; do
        count=$((count + partial_count))
    done
    dx-jobutil-add-output count "$count" --class=int
}
