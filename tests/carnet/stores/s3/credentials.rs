//! Where keys come from, in which order, and what is said if there are none.
