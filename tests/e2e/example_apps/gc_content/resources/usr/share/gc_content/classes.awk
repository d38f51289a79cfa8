# One line for each class of reads: its least GC content, in per cent, and the number of its reads.
BEGIN { print "gc\treads" }
NR % 4 == 2 {
    bases = length($0)
    gc = 100 * gsub(/[GC]/, "") / bases
    reads[int(gc / width)]++
}
END {
    for (class = 0; class * width <= 100; class++) {
        if (class in reads) {
            print class * width "\t" reads[class]
        }
    }
}
