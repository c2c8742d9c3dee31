# Needs: a folder with tracks.csv and occurrences.csv.
# Makes: nothing; the catalogue is there.
