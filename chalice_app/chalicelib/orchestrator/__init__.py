"""Runs jobs: a Step Functions state machine executes a playbook of agents, and each state is a function here.

The states pass on only the job's request, the playbook and names. The agents' outputs stay in the records of their
runs, whose ids are derived from the job's id.
"""
