alter table process_beats drop column ails;
