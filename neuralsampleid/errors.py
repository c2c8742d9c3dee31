"""The one kind of error that a user is meant to read."""


class UserError(Exception):
    """Something outside the code is wrong: a file, a key, a folder.

    The message is one line that names the file or key, what was found and what was expected.
    Scripts print it without a traceback and exit with status 1.
    """
