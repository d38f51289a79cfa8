"""The programs of a worker, and the packages that provide other well-known programs.

Workers are Ubuntu servers with dx-toolkit. `worker_programs.txt` lists too many programs rather than too few,
since a missing entry would make the linter report a program that exists.

Packages come from two tables. `debian_programs.tsv` is made from the packages' own file lists. The table here
has what these lists lack: packages from PyPI, programs that alternatives or dependencies install, several
packages for one program, and packages whose lists were not read.

Sources of the lists and the table here: package contents of Ubuntu 20.04 and 24.04;
https://documentation.dnanexus.com/developer/apps/execution-environment
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dx_app_wizard.lint.source.debian_programs import read_rows

_BUILTINS = frozenset(
    """
    . : [ [[ alias bg bind break builtin caller cd command compgen complete compopt continue coproc declare
    dirs disown echo enable eval exec exit export false fc fg function getopts hash help history jobs kill let
    local logout mapfile popd printf pushd pwd read readarray readonly return select set shift shopt source
    suspend test time times trap true type typeset ulimit umask unalias unset until wait
    """.split()  # noqa: SIM905 - a list of words reads best without quotes
)

_JAVA = ("openjdk-17-jre-headless", "openjdk-*", "default-j*", "picard-tools", "trimmomatic", "fastqc",
         "snpeff", "igv", "ant", "maven", "gradle")  # fmt: skip
_R = ("r-base-core", "r-base", "r-base-*", "r-cran-*", "r-bioc-*", "r-recommended", "littler")

_PROGRAMS_OF_PACKAGES: dict[tuple[str, ...], str] = {
    ("abyss",): "abyss-pe",
    ("aria2",): "aria2c",
    ("bowtie",): "bowtie bowtie-build",
    ("bowtie2",): "bowtie2 bowtie2-align-l bowtie2-align-s bowtie2-build bowtie2-inspect",
    ("bwa", "bwakit"): "bwa",
    ("clustalo",): "clustalo",
    ("csvkit", "pip:csvkit"): "csvcut csvgrep csvjoin csvsort csvstat",
    ("datamash",): "datamash",
    ("delly",): "delly",
    ("diamond-aligner",): "diamond",
    ("fastp",): "fastp",
    ("fastqc",): "fastqc",
    ("ffmpeg",): "ffmpeg ffprobe",
    ("flye",): "flye",
    ("freebayes",): "freebayes freebayes-parallel",
    ("gnuplot-nox", "gnuplot", "gnuplot-*"): "gnuplot",
    ("graphviz",): "dot neato",
    ("hisat2",): "hisat2 hisat2-build",
    ("hmmer",): "hmmscan hmmsearch hmmbuild hmmpress",
    ("imagemagick", "imagemagick-*", "graphicsmagick-imagemagick-compat"): "convert identify mogrify montage",
    ("jellyfish",): "jellyfish",
    ("kallisto",): "kallisto",
    ("kraken2",): "kraken2 kraken2-build",
    ("lbzip2",): "lbzip2",
    ("mafft",): "mafft",
    ("megahit",): "megahit",
    ("moreutils",): "chronic sponge",
    ("mosdepth",): "mosdepth",
    ("mummer",): "nucmer dnadiff mummerplot delta-filter show-coords",
    ("muscle",): "muscle",
    ("ncbi-blast+", "ncbi-blast+-*"): "blastn blastp blastx tblastn tblastx makeblastdb blastdbcmd",
    ("p7zip-full", "p7zip", "7zip"): "7z 7za 7zr",
    ("pandoc",): "pandoc",
    ("pbzip2",): "pbzip2",
    ("picard-tools",): "picard-tools PicardCommandLine",
    ("poppler-utils",): "pdftotext pdftoppm pdfunite pdfseparate",
    ("postgresql-client", "postgresql", "postgresql-*"): "psql pg_dump pg_restore",
    ("rename",): "rename prename",
    ("rna-star",): "STAR STARlong",
    ("salmon",): "salmon",
    ("sambamba",): "sambamba",
    ("samblaster",): "samblaster",
    ("spades",): "spades.py spades",
    ("sqlite3",): "sqlite3",
    ("sra-toolkit",): "fastq-dump fasterq-dump sam-dump",
    ("subread",): "featureCounts subread-align subread-buildindex",
    ("sysstat",): "sar",
    ("tabix", "samtools", "htslib-test"): "tabix bgzip htsfile",
    ("texlive-latex-base", "texlive", "texlive-*"): "pdflatex xelatex latex bibtex",
    ("velvet",): "velveth velvetg",
    ("xmlstarlet",): "xmlstarlet",
    ("nodejs", "npm"): "node nodejs",
    ("npm",): "npm npx",
    ("ruby", "ruby-full", "ruby*"): "ruby gem",
    ("golang-go", "golang", "golang-*"): "go gofmt",
    _JAVA: "java",
    ("openjdk-17-jdk-headless", "openjdk-*-jdk*", "default-jdk*", "ant", "maven"): "javac jar",
    _R: "R Rscript",
    ("pip:awscli",): "aws",
    ("pip:bx-python",): "axt_to_maf.py",
    ("pip:cnvkit",): "cnvkit.py",
    ("pip:crossmap",): "CrossMap.py CrossMap",
    ("cutadapt", "pip:cutadapt", "pip:trim-galore"): "cutadapt",
    ("pip:deeptools", "python3-deeptools"): "bamCoverage bamCompare computeMatrix plotHeatmap",
    ("pip:htseq", "python3-htseq", "python-htseq"): "htseq-count",
    ("pip:macs2", "macs"): "macs2",
    ("pip:macs3", "macs"): "macs3 macs",
    ("pip:multiqc", "multiqc"): "multiqc",
    ("pip:snakemake", "snakemake"): "snakemake",
    ("pip:umi_tools", "pip:umi-tools", "umis"): "umi_tools",
    ("pip:whatshap", "whatshap"): "whatshap",
}  # fmt: skip


@cache
def worker_programs() -> frozenset[str]:
    """Return the programs of every worker, and the builtins of bash."""
    text = Path(__file__).with_name("worker_programs.txt").read_text(encoding="utf-8")
    return _BUILTINS.union(text.split())


@cache
def packages_of_programs() -> dict[str, tuple[str, ...]]:
    """Return the packages that provide well-known programs, by program and with the usual one first.

    Names may be glob patterns; names on PyPI begin with `pip:`.
    """
    found: dict[str, tuple[str, ...]] = {
        program: (row.package,) for row in read_rows() for program in row.programs
    }
    found |= {
        program: packages for packages, names in _PROGRAMS_OF_PACKAGES.items() for program in names.split()
    }
    return {program: packages for program, packages in found.items() if program not in worker_programs()}


@cache
def known_packages() -> frozenset[str]:
    """Return the names, or patterns of names, of packages whose programs are known."""
    named = frozenset(name.removeprefix("pip:") for names in _PROGRAMS_OF_PACKAGES for name in names)
    return named.union(row.package for row in read_rows())
