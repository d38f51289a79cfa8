#!/bin/bash
# No entry points: all of it runs at the top level, in the folder /home/dnanexus.

set -x -e -o pipefail

trap 'echo "free space at the end:"; df -h /home/dnanexus | tail -n 1' EXIT

cd /home/dnanexus
mkdir -p in/vcf results
dx download "$vcf" -o - | zcat -f > "/home/dnanexus/in/vcf/${vcf_prefix}.vcf"

filtered=/home/dnanexus/results/${vcf_prefix}.filtered.vcf.gz
bcftools view -i "$include" "in/vcf/${vcf_prefix}.vcf" | bgzip -c -@ "$(nproc)" > "$filtered"
tabix -p vcf "$filtered"

if [ "$with_stats" = "true" ]; then
    mkdir /tmp/stats
    bcftools stats "$filtered" > /tmp/stats/summary.txt
    zgrep -v '^#' "$filtered" | cut -f 1 | uniq -c > /tmp/stats/by_chromosome.txt
    tar -czf "results/${vcf_prefix}.stats.tar.gz" -C /tmp stats
    stats_id=$(dx upload "results/${vcf_prefix}.stats.tar.gz" --brief)
    dx-jobutil-add-output stats "$stats_id" --class=file
fi

kept=$(bcftools view -H "$filtered" | wc -l)
vcf_id=$(dx upload "$filtered" --brief --property "kept=$kept")
index_id=$(dx upload "$filtered.tbi" --brief --details "{\"indexed\": {\"\$dnanexus_link\": \"$vcf_id\"}}")
dx-jobutil-add-output filtered_vcf "$vcf_id" --class=file
dx-jobutil-add-output filtered_vcf_index "$index_id" --class=file
dx-jobutil-add-output kept "$kept" --class=int
