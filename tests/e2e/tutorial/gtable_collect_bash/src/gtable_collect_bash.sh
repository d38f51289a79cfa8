#!/bin/bash
# Subjobs add a part each to one open table, and postprocess, which depends on them, closes it.

main() {
    output_gtable_id=$(dx api gtable new \
        '{"project": "'"$DX_WORKSPACE_ID"'", "columns": [{"name": "index", "type": "int32"}]}' | grep -o 'gtable-[0-9A-Za-z]*')

    # As a string: a job that is given a link to an open table waits until that is closed.
    for i in {1..3}; do
        process_jobs[i]=$(dx-jobutil-new-job process -ioutput_gtable_id:string="$output_gtable_id" -iindex="$i")
    done

    # Use --depends-on to make postprocess depend on all process subjobs.
    dx-jobutil-new-job postprocess -ioutput_gtable_id:string="$output_gtable_id" --depends-on "${process_jobs[@]}"

    dx-jobutil-add-output output "$output_gtable_id" --class=gtable
}

process() {
    dx api "$output_gtable_id" addRows '{"part": '"$index"', "data": [['"$index"']]}'
}

postprocess() {
    dx api "$output_gtable_id" close
}
