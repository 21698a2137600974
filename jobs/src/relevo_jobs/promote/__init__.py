"""promote: does the challenger replace the champion?"""
