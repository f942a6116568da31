"""The answers of the operations, written as R5 resources."""
