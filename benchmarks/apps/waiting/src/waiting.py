"""Measure the delay between the end of a job and the continuation of its waiters, in seconds."""

import subprocess
import time

import dxpy


@dxpy.entry_point("main")
def main(n):
    woken, started, waited = [], [], []
    for _ in range(n):
        job = dxpy.new_dxjob({}, "pause")
        dependent = dxpy.new_dxjob({"end": job.get_output_ref("end")}, "after")
        job.wait_on_done()
        woken.append(time.time() - end_of(job))
        dependent.wait_on_done()
        started.append(dependent.describe()["output"]["began"] - end_of(job))

        job = dxpy.new_dxjob({}, "pause")
        subprocess.run(["dx", "wait", job.get_id()], check=True)
        waited.append(time.time() - end_of(job))
    return {"woken": woken, "started": started, "waited": waited}


@dxpy.entry_point("pause")
def pause():
    time.sleep(0.3)
    return {"end": time.time()}


@dxpy.entry_point("after")
def after(end):
    return {"began": time.time()}


def end_of(job):
    """Return the time at which the platform recorded the end of a job, in seconds since 1970."""
    transitions = job.describe()["stateTransitions"]
    return next(each["setAt"] for each in transitions if each["newState"] == "done") / 1000


dxpy.run()
