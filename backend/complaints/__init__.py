"""Complaints and feedback (投诉、服务反馈): filed, answered, settled, rated; with deadlines in working time (5.5)."""
