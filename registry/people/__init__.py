"""People and access: accounts, roles, grants, services, sessions, and the one function that says who may do what.

A person is named ``user:<id>``, a service ``service:<name>``, the owner of the installation's directory
``local:<login>``. Names and e-mail addresses stand in the table ``users`` alone; elsewhere a person is a number.
"""
