drop table analog_history;
