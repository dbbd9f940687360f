"""What has been learned: `tables` holds it as arrays, `tabulate` turns whatever acts in the game into one of them."""
