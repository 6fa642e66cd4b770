//! Tests of operators against values worked out by hand or by NumPy.
