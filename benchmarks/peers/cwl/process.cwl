# A shell that says an int; no expressions, which would need Node.js.
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'printf "{\"value\": %d}" "$0" > cwl.output.json']
inputs:
  index:
    type: int
    inputBinding: {}
outputs:
  value: int
