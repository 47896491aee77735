"""Jobs: many agents by a playbook, orchestrated by a state machine whose every state is a function here.

What the states hand on is small: the job as it was asked for, the playbook, and names. Outputs stay in the records of
the runs, whose ids follow from the job's.
"""
