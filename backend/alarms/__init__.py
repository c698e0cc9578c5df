"""Alarms: raise, acknowledge, verdict, clear, close."""
