"""The script of the charts: made beside the process, so that Ctrl-C need not wait for it."""

import threading

import vl_convert

from longlag.report import charts_library


def test_other_threads_run_while_it_is_made():
    charts_library.charts_library.cache_clear()
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.01):
            ticks.append(len(charts_library._running))

    thread = threading.Thread(target=tick)
    thread.start()
    script = charts_library.charts_library()
    done.set()
    thread.join()
    assert sum(ticks) > 10  # with the process running
    assert charts_library._running == []
    assert script == vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def test_without_a_python_to_start_it_is_made_here(monkeypatch):
    charts_library.charts_library.cache_clear()
    monkeypatch.setattr("sys.executable", "")
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda _: "script")
    assert charts_library.charts_library() == "script"
    charts_library.charts_library.cache_clear()
