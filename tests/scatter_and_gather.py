"""An app with any number of trivial jobs, and one that adds up their outputs."""

from __future__ import annotations

SCATTER_AND_GATHER = """
import dxpy

@dxpy.entry_point('part')
def part(index):
    return {'n': index}

@dxpy.entry_point('gather')
def gather(parts):
    return {'n': sum(parts)}

@dxpy.entry_point('main')
def main(count):
    parts = [dxpy.new_dxjob({'index': i}, 'part').get_output_ref('n') for i in range(count)]
    return {'n': dxpy.new_dxjob({'parts': parts}, 'gather').get_output_ref('n')}

dxpy.run()
"""
