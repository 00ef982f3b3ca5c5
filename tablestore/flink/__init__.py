"""The Python side of the Flink connector: workers that the connector's subtasks talk to (spec chapter 16)."""
