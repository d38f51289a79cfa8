# A Python that says an int; no expressions, which would need Node.js.
cwlVersion: v1.2
class: CommandLineTool
baseCommand:
  - python3
  - -c
  - import json, sys; json.dump({"value":int(sys.argv[1])}, open("cwl.output.json", "w"))
inputs:
  index:
    type: int
    inputBinding: {}
outputs:
  value: int
