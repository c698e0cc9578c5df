"""One router for each thing people do in a chat; each module's `build` makes a fresh one."""
