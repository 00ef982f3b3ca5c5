"""The connector on Flink itself: clusters of real processes, chaos, other versions of Flink."""
