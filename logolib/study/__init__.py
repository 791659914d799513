"""Asking people: a blind study of pictures, its web page, its votes and what they say.

The web page and the statistics need the extra `study`; import their modules where they are used.
"""

from logolib.study.sheets import Asked, Question, Study, StudyError, load_study, sheet

__all__ = ["Asked", "Question", "Study", "StudyError", "load_study", "sheet"]
