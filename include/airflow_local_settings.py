"""What Airflow carries out when a process of this deployment starts; today it is something for the triggerer alone.

https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings
"""

from __future__ import annotations

import gc
import sys

#: After so many looks among the younger objects Python looks for garbage among all of them; its own default is 10.
#: That holds up the triggerer's event loop, and with it every wait: 0.2 seconds with none, 0.8 with 10,000. Never would
#: be too seldom: AWS clients that were closed, of any provider's triggers, are garbage that is found only so.
YOUNG_BEFORE_ALL = 100

if sys.argv[1:2] == ["triggerer"]:
    gc.set_threshold(*gc.get_threshold()[:2], YOUNG_BEFORE_ALL)
