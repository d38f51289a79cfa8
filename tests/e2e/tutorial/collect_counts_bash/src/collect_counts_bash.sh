#!/bin/bash
# Count reads that are all A's: every subjob adds to one open record, and the last one closes it.

main() {
    record_id=$(dx new record counts --brief)

    process_jobs=()
    for ((i = 0; i < num_subjobs; i++)); do
        process_jobs+=("$(dx-jobutil-new-job process \
            -ireads:file="$reads" -irecord_id:string="$record_id" \
            -iindex:int="$i" -inum_subjobs:int="$num_subjobs")")
    done

    dx-jobutil-new-job postprocess -irecord_id:string="$record_id" --depends-on "${process_jobs[@]}"
    dx-jobutil-add-output counts "$record_id" --class=record
}

process() {
    count=$(dx cat "$reads" |
        awk -v index_="$index" -v of="$num_subjobs" \
            'NR % 4 == 2 && int((NR - 1) / 4) % of == index_ && /^A+$/ { n++ } END { print n + 0 }')
    dx set_properties "$record_id" "part_$index=$count"
}

postprocess() {
    dx close "$record_id"
}
