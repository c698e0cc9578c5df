drop trigger moves_forward on escalations;
drop function escalations_move_forward();
drop index attempts_proved;
