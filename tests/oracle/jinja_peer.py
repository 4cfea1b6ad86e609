# SPDX-License-Identifier: Apache-2.0
"""jinja2 as transformers configures it for chat templates, with the clock stopped."""
import datetime
import functools

import transformers.utils.chat_template_utils as chat

MOMENT = datetime.datetime(2026, 7, 25, 17, 20, 0, 123456)


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return MOMENT


chat.datetime = StoppedClock


@functools.lru_cache(maxsize=4096)
def compiled(template):
    return chat._cached_compile_jinja_template(template)


def render(template, variables):
    """The text of the template, or the exception that it raises."""
    return compiled(template).render(**variables)
