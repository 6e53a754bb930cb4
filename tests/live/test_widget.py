"""The page in a notebook: a real kernel answers, trains and stops while cells can run."""

import os
import sys

import pytest
from play_cases import QUICK

SECONDS = 120


class Notebook:
    """The front end of a kernel, as far as a widget needs one."""

    def __init__(self, client):
        self.client, self.comm, self.asked = client, "", 0
        self.answers, self.messages = {}, []

    def run(self, code):
        """Run a cell until it is idle."""
        number = self.client.execute(code)
        while True:
            message = self.hear()
            ours = message["parent_header"].get("msg_id") == number
            assert message["msg_type"] != "error" or not ours, message["content"]
            if ours and message["content"].get("execution_state") == "idle":
                return

    def hear(self):
        message = self.client.get_iopub_msg(timeout=SECONDS)
        content = message["content"]
        if message["msg_type"] == "comm_open" and "_esm" in content["data"].get("state", {}):
            self.comm = content["comm_id"]
            assert "export" in content["data"]["state"]["_esm"]
        elif message["msg_type"] == "comm_msg" and content["comm_id"] == self.comm:
            data = content["data"].get("content", {})
            if "answer" in data:
                self.answers[data["id"]] = data["answer"]
            elif "message" in data:
                self.messages.append(data["message"])
        return message

    def call(self, name, **arguments):
        """The answer of the session."""
        self.asked += 1
        content = {"id": self.asked, "call": name, "arguments": arguments}
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.client.shell_channel.send(message)
        while self.asked not in self.answers:
            self.hear()
        return self.answers[self.asked]

    def until(self, kind):
        """The data of the next message of this kind."""
        while True:
            for index, message in enumerate(self.messages):
                if message["type"] == kind:
                    del self.messages[: index + 1]
                    return message["data"]
            self.hear()


@pytest.fixture(scope="module")
def notebook():
    pytest.importorskip("anywidget", reason="anywidget is an extra that is not installed")
    manager_module = pytest.importorskip("jupyter_client.manager", reason="no Jupyter is installed")
    paths = os.pathsep.join([each for each in sys.path if each])
    environment = {**os.environ, "PYTHONPATH": paths}
    manager, client = manager_module.start_new_kernel(env=environment)
    made = Notebook(client)
    try:
        made.run("import longlag as ll\npage = ll.play('beginners-mistake')\npage")
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_kernel_describes_and_audits(notebook):
    described = notebook.call("describe")
    assert described["start"]["lesson"] == "beginners-mistake"
    audit = notebook.call("audit", knobs=described["start"]["knobs"])
    assert audit["verdict"] == "unreachable"
    assert "fault" in notebook.call("audit", knobs={"lag": "x"})


def test_a_kernel_trains_in_a_thread_while_another_cell_runs(notebook):
    run = notebook.call("train", knobs=QUICK)["run"]
    notebook.run("1 + 1")
    done = notebook.until("done")["run"]
    assert (done["run"], done["state"]) == (run, "done")
    view = notebook.call("view", run=run, snapshot=3, seed=0, inputs=None)
    assert len(view["predicted"]) == 6


def test_a_kernel_stops_when_it_is_asked(notebook):
    notebook.call("train", knobs=QUICK | {"sequences": "2000000"})
    notebook.until("progress")
    notebook.call("stop")
    assert notebook.until("done")["run"]["state"] == "stopped"


def test_a_call_that_there_is_not_and_wrong_arguments_are_faults(notebook):
    assert "There is no call 'close'" in notebook.call("close")["fault"]
    assert "There is no call '__init__'" in notebook.call("__init__")["fault"]
    assert "There is no call []" in notebook.call([])["fault"]
    assert "TypeError" in notebook.call("view", run=1)["fault"]


def test_without_anywidget_the_extra_is_named(monkeypatch):
    import longlag as ll

    monkeypatch.setitem(sys.modules, "longlag.live.widget", None)
    with pytest.raises(ImportError, match=r"pip install 'longlag\[notebook\]'"):
        ll.play()


def test_an_unknown_lesson_is_refused():
    import longlag as ll

    with pytest.raises(ValueError, match="There is no lesson `begin`"):
        ll.play("begin")
