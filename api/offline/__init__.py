"""What works without a server: selecting and backtesting from files.

arrays      .npy files, memory-mapped, checked, and brought to rows of length one
tables      CSV, JSON Lines and Parquet: ids, texts, labels, metadata
policies    a policy from a file or of those that come with the product
pool        candidates for a selection, of all these files
batch_file  the batch that was chosen, written whole or not at all
labelled    records for a backtest
figures     what a backtest says, as JSON and in words
charts      learning curves as SVG
report      the page of a backtest
"""
