mod operation;
mod queue;
mod slots;
