# N jobs that each return an int, and one that adds these up.
cwlVersion: v1.2
class: Workflow
requirements:
  ScatterFeatureRequirement: {}
inputs:
  indices: int[]
outputs:
  total:
    type: int
    outputSource: gather/total
steps:
  process:
    run: process.cwl
    scatter: index
    in:
      index: indices
    out: [value]
  gather:
    run: gather.cwl
    in:
      values: process/value
    out: [total]
